# leasehold_room(NAME SOURCES... [DEPENDS targets...]) declares a room: one static library `room_NAME`.
# leasehold_unit_test(ROOM NAME [DEPENDS targets...]) declares tests/unit/ROOM/test_NAME.c, linked with its room and cmocka.

set(LEASEHOLD_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef)
if(LEASEHOLD_WERROR)
  list(APPEND LEASEHOLD_WARNINGS -Werror)
endif()

add_library(leasehold_flags INTERFACE)
target_compile_options(leasehold_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:${LEASEHOLD_WARNINGS}> -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(leasehold_flags INTERFACE _GNU_SOURCE LEASEHOLD_VERSION_STRING="${PROJECT_VERSION}")
target_include_directories(leasehold_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
if(LEASEHOLD_SANITIZE)
  target_compile_options(leasehold_flags INTERFACE -fsanitize=${LEASEHOLD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(leasehold_flags INTERFACE -fsanitize=${LEASEHOLD_SANITIZE})
endif()
if(LEASEHOLD_COVERAGE)
  target_compile_options(leasehold_flags INTERFACE --coverage)
  target_link_options(leasehold_flags INTERFACE --coverage)
endif()

function(leasehold_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS" ${ARGN})
  add_library(room_${name} STATIC ${ROOM_UNPARSED_ARGUMENTS})
  target_link_libraries(room_${name} PUBLIC leasehold_flags ${ROOM_DEPENDS})
endfunction()

function(leasehold_unit_test room name)
  cmake_parse_arguments(TEST "" "" "DEPENDS" ${ARGN})
  add_executable(test_${room}_${name} ${PROJECT_SOURCE_DIR}/tests/unit/${room}/test_${name}.c)
  target_link_libraries(test_${room}_${name} PRIVATE room_${room} ${TEST_DEPENDS} PkgConfig::CMOCKA)
  add_test(NAME unit/${room}/${name} COMMAND test_${room}_${name})
  set_tests_properties(unit/${room}/${name} PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()
