# The command line against the embedded API server and against servers that are none.
foreach(part commands run members streams badinput strange manual camel http balance notice resign proxy status_file completion doctor exec duplicates)
  add_test(NAME e2e/cli/${part}
    COMMAND ${CMAKE_COMMAND} -E env python3 ${CMAKE_CURRENT_SOURCE_DIR}/cli_${part}.py ${PROJECT_BINARY_DIR})
  set_tests_properties(e2e/cli/${part} PROPERTIES TIMEOUT 600 LABELS e2e)
endforeach()

# Many services in one process, see test_many_writers in cli_camel.py.
add_executable(many_writers many_writers.c)
target_link_libraries(many_writers PRIVATE leasehold_flags leasehold_link leasehold::leasehold)
set_target_properties(many_writers PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

# A Pod of cli_balance.py.
add_executable(balanced_pod balanced_pod.c)
target_link_libraries(balanced_pod PRIVATE leasehold_flags leasehold_link leasehold::leasehold)
set_target_properties(balanced_pod PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
