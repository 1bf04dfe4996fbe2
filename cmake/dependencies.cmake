# Everything comes from Debian 12 (the list of packages is in ./dev). Nothing is vendored.
set(mnema_components agents memory inference)
set(mnema_required REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/library_packages.cmake)
if(mnema_missing)
  message(FATAL_ERROR "not found: ${mnema_missing} (Debian packages: see ./dev)")
endif()
if(MNEMA_PROGRAMS)
  find_package(CLI11 REQUIRED)
  pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
endif()
if(MNEMA_PROGRAMS AND BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()

# Asio and Beast are compiled once, in runtime/exec/asio.cpp and connectors/http/beast.cpp, not in every file. No public
# header includes them, so they stay ours: a program that uses Asio itself compiles it as it likes.
add_library(mnema_asio INTERFACE)
target_link_libraries(mnema_asio INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(mnema_asio INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                                                BOOST_BEAST_SEPARATE_COMPILATION)
