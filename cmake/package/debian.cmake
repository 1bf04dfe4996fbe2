# `cpack -G DEB` in the build folder: mnema_VERSION_ARCH.deb and libmnema-dev_VERSION_ARCH.deb.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "Mnema")
set(CPACK_PACKAGE_CONTACT "Mnema maintainers <maintainers@mnema.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Agent runtime: events wake agents that think, remember and act")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME mnema)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS libmnema-dev)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
  "The program: serves agents over HTTP with a built-in inference engine, a durable mailbox and a hierarchical memory.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmnema-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEV_DESCRIPTION
  "Headers and static libraries for programs with agents of their own, with find_package and pkg-config files.")
# Static libraries carry no references that dpkg-shlibdeps could read: each needs its own -dev package to link.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "g++ (>= 12), libboost1.81-dev, libboost-json1.81-dev, libssl-dev, libsqlite3-dev,\
 libfmt-dev, libhowardhinnant-date-dev, libspdlog-dev, libtomlplusplus-dev, libpcre2-dev, prometheus-cpp-dev, libutf8proc-dev, libcmark-gfm-dev, libuchardet-dev, libicu-dev,\
 libgumbo-dev, libstemmer-dev, libcurl4-openssl-dev, libc-ares-dev, zlib1g-dev, librdkafka-dev, librabbitmq-dev, libprotobuf-dev")
include(CPack)
