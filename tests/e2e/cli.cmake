# The command line against the embedded API server and against servers that are none.
foreach(part commands run members streams badinput strange manual camel)
  add_test(NAME e2e/cli/${part}
    COMMAND ${CMAKE_COMMAND} -E env python3 ${CMAKE_CURRENT_SOURCE_DIR}/cli_${part}.py ${PROJECT_BINARY_DIR})
  set_tests_properties(e2e/cli/${part} PROPERTIES TIMEOUT 600 LABELS e2e)
endforeach()
