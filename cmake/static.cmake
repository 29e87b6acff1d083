# The static `leasehold`: every library from its archive. Only the target leasehold-cli is built so; the shared libraries are not.
if(NOT LEASEHOLD_STATIC)
  return()
endif()

if(NOT EXISTS ${LEASEHOLD_STATIC}/lib/libcurl.a)
  message(FATAL_ERROR "LEASEHOLD_STATIC is ${LEASEHOLD_STATIC}, which has no lib/libcurl.a; give the folder that packaging/static-libs.sh prints")
endif()
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
add_library(PkgConfig::CURL INTERFACE IMPORTED)
target_include_directories(PkgConfig::CURL SYSTEM INTERFACE ${LEASEHOLD_STATIC}/include)
target_link_libraries(PkgConfig::CURL INTERFACE
  ${LEASEHOLD_STATIC}/lib/libcurl.a ${LEASEHOLD_STATIC}/lib/libssl.a ${LEASEHOLD_STATIC}/lib/libcrypto.a)
