# The supervisor with a scripted elector, and the worker of all end-to-end tests.
add_executable(supervisor_fake supervisor_fake.c)
target_link_libraries(supervisor_fake PRIVATE room_supervisor)
set_target_properties(supervisor_fake PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}) # beside the stamper
foreach(part runs freezes terminal)
  add_test(NAME e2e/supervisor/${part}
    COMMAND ${CMAKE_COMMAND} -E env python3 ${CMAKE_CURRENT_SOURCE_DIR}/supervisor_${part}.py $<TARGET_FILE_DIR:supervisor_fake>)
  set_tests_properties(e2e/supervisor/${part} PROPERTIES TIMEOUT 600 LABELS e2e RUN_SERIAL ON)
endforeach()
