# What `cmake --install` puts where, and what CPack makes of it: two Debian packages, as a Debian user expects them.
#
#   mnema          the program, sample configurations, documents
#   libmnema-dev   headers, static libraries, find_package and pkg-config files. Static: the C++ interface of 0.x has no
#                  stable ABI that a shared library could promise.
#
# Everything below the prefix refers to the rest by relative paths: the tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(mnema_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/mnema)

# ---- libraries and what find_package(mnema) reads ----

set(mnema_exported mnema_runtime mnema_connectors mnema_memory mnema_agents mnema_inference mnema_inference_model
  mnema_inference_kv mnema_inference_grammar mnema_inference_chat mnema_inference_tokenizer mnema_inference_formats
  mnema_inference_request mnema_inference_kernels)
install(TARGETS ${mnema_exported} EXPORT mnema ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
# As Debian strips static libraries; `cmake --install --strip` and CPack ask for it.
install(CODE "
  if(CMAKE_INSTALL_DO_STRIP)
    file(GLOB archives \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libmnema_*.a\")
    execute_process(COMMAND ${CMAKE_STRIP} --strip-debug \${archives} COMMAND_ERROR_IS_FATAL ANY)
  endif()" COMPONENT dev)
install(EXPORT mnema NAMESPACE mnema:: FILE mnemaTargets.cmake DESTINATION ${mnema_package_folder} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/package/mnemaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/package/mnemaConfig.cmake INSTALL_DESTINATION ${mnema_package_folder}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break: 0.1 does not answer for 0.2.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/mnemaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/mnemaConfig.cmake ${PROJECT_BINARY_DIR}/package/mnemaConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/library_packages.cmake DESTINATION ${mnema_package_folder} COMPONENT dev)

# ---- pkg-config ----

file(RELATIVE_PATH mnema_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" mnema_pc_prefix "${mnema_pc_prefix}")
foreach(component runtime memory inference agents)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/package/mnema-${component}.pc.in
    ${PROJECT_BINARY_DIR}/package/mnema-${component}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/mnema-${component}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

# ---- headers: those in include/mnema and what they include, nothing else ----

install(CODE "
  set(mnema_source \"${PROJECT_SOURCE_DIR}\")
  set(mnema_headers \"${PROJECT_BINARY_DIR}/package/include\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/package/public_headers.cmake\")" COMPONENT dev)
install(DIRECTORY ${PROJECT_BINARY_DIR}/package/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

# ---- the program and its papers ----

if(MNEMA_PROGRAMS)
  install(TARGETS mnema RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(FILES ${PROJECT_SOURCE_DIR}/configs/quickstart.toml
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT program)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program
    FILES_MATCHING PATTERN "*.md")
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT program)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libmnema-dev RENAME copyright
  COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/examples/hello.cpp ${PROJECT_SOURCE_DIR}/examples/hello.toml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libmnema-dev/examples COMPONENT dev)

if(PROJECT_IS_TOP_LEVEL)
  include(${PROJECT_SOURCE_DIR}/cmake/package/debian.cmake)
endif()
