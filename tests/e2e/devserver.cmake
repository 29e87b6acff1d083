find_package(Python3 3.9 COMPONENTS Interpreter)
if(TARGET leasehold_dev_alone AND Python3_FOUND)
  add_test(NAME e2e/devserver
           COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/devserver.py $<TARGET_FILE:leasehold_dev_alone>)
  set_tests_properties(e2e/devserver PROPERTIES TIMEOUT 300 LABELS e2e)
endif()
