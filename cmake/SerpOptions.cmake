# The options every target of ours shares, and the one-line registration of a test.
find_program(SERP_CCACHE ccache)
if(SERP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${SERP_CCACHE}" CACHE STRING "" FORCE)
  set(CMAKE_C_COMPILER_LAUNCHER "${SERP_CCACHE}" CACHE STRING "" FORCE)
endif()

add_library(serp_options INTERFACE)
target_compile_features(serp_options INTERFACE cxx_std_20)
target_include_directories(serp_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(serp_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-psabi $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${SERP_WERROR}>>:-Werror>)
if(SERP_SANITIZE)
  target_compile_options(serp_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${SERP_SANITIZE} -fno-omit-frame-pointer -g>)
  target_link_options(serp_options INTERFACE -fsanitize=${SERP_SANITIZE})
endif()
find_program(SERP_MOLD mold)
if(SERP_MOLD AND NOT SERP_SANITIZE)
  target_link_options(serp_options INTERFACE -fuse-ld=mold)
endif()

# serp_test_options(target): what every Qt Test program needs, and its registration.
# SHARED_DIR names the folder with oracles and reference data; tests skip, saying so, when it is missing.
# GOMP_SPINCOUNT as serp sets it for itself: OpenMP's threads sleep at barriers instead of spinning, so that tests may run side by side.
function(serp_test_options name)
  find_package(Qt6 REQUIRED COMPONENTS Core Test)
  set_target_properties(${name} PROPERTIES AUTOMOC ON RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_link_libraries(${name} PRIVATE serp_options Qt6::Test)
  # A test is compiled far more often than it is run: what it calls is optimised, the test itself need not be.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${name} PRIVATE QT_NO_KEYWORDS
    SERP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SERP_SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared"
    SERP_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 ENVIRONMENT "QT_QPA_PLATFORM=offscreen;GOMP_SPINCOUNT=1000")
endfunction()

# serp_test(tst_name LIBS a b [GUI]): builds tst_name.cpp of the calling folder with Qt Test and registers it.
function(serp_test name)
  cmake_parse_arguments(ARG "GUI" "" "LIBS;SOURCES" ${ARGN})
  add_executable(${name} ${name}.cpp ${ARG_SOURCES})
  serp_test_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()
