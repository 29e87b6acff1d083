# The examples in other languages, through the shared library. A sanitizer's library cannot be loaded by who was not built for it.
if(NOT LEASEHOLD_SANITIZE AND NOT LEASEHOLD_COVERAGE)
  foreach(language Python Go)
    string(TOLOWER ${language} name)
    add_test(NAME example/${name} COMMAND ${CMAKE_COMMAND} -E env python3 ${CMAKE_CURRENT_SOURCE_DIR}/bindings.py ${PROJECT_BINARY_DIR} ${language})
    # Without Go it is skipped by name; `make interop` insists.
    set_tests_properties(example/${name} PROPERTIES TIMEOUT 600 LABELS "example;e2e" SKIP_RETURN_CODE 77)
  endforeach()
endif()
