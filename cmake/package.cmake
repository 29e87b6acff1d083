# The Debian packages of `make package`: what is installed is one of three components. CPack finds the dependencies as Debian's own
# tools do, from the libraries that are linked (dpkg-shlibdeps).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_VENDOR Leasehold)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "One active copy of a program on Kubernetes")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Leasehold authors")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL library dev tools)

set(soname ${PROJECT_VERSION_MAJOR})
set(version "${PROJECT_VERSION}")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libleasehold${soname})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "Leader election and cluster membership for Kubernetes: the shared library
 Candidates compete for a record in a Lease or a ConfigMap; the leader renews it and has
 its work stopped before anybody else can lead.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS ON)
# As long as the major version is 0, a minor one may change what the library offers.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libleasehold-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION "Leader election and cluster membership for Kubernetes: development files
 Headers, static library, manual pages of the functions, and the test double
 libleasehold-testing.")
# pkg-config looks for what Requires.private names even where nothing is linked statically.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libleasehold${soname} (= ${version}), libcurl4-openssl-dev | libcurl-dev, libjansson-dev, libyaml-dev")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME leasehold)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_TOOLS_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "One active copy of a program on Kubernetes: the command
 Runs a program only where this candidate leads, shows and moves leaders, and brings an
 API server small enough for tests. kubectl leasehold is a plugin of kubectl.")

# For the packages alone; whoever installs from the tree has these files there.
foreach(package library:libleasehold${soname} dev:libleasehold-dev tools:leasehold)
  string(REPLACE ":" ";" package ${package})
  list(GET package 0 component)
  list(GET package 1 name)
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component}
    EXCLUDE_FROM_ALL)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/deploy/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/leasehold/examples COMPONENT tools EXCLUDE_FROM_ALL)

include(CPack)
