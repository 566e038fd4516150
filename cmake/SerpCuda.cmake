# Whether the CUDA kernels are compiled, and for which cards. In: SERP_CUDA (AUTO, ON, OFF), SERP_CUDA_ARCHITECTURES. Out:
# SERP_WITH_CUDA, SERP_CUDA_ARCHITECTURES_USED, and the language CUDA enabled.
set(SERP_CUDA_ARCHITECTURES "" CACHE STRING "Cards to compile for, such as 80;90. Empty: all of 80;86;89;90;120 where LibTorch has \
CUDA or SERP_CUDA=ON, else 90 alone, only so that the sources cannot rot")

set(SERP_WITH_CUDA OFF)
if(NOT SERP_CUDA STREQUAL "OFF")
  find_program(SERP_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
    DOC "The CUDA compiler")
  mark_as_advanced(SERP_NVCC)
  if(SERP_NVCC)
    if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
      set(ENV{CUDACXX} "${SERP_NVCC}")
    endif()
    include(CheckLanguage)
    check_language(CUDA)  # an nvcc that does not get on with this C++ compiler must not stop an AUTO build
    if(CMAKE_CUDA_COMPILER)
      file(GLOB SERP_CUBLAS "${SERP_CUDART_LIB}/libcublas.so*")  # only the wheel with all its dependencies runs on a card
      if(SERP_CUDA_ARCHITECTURES)
        set(SERP_CUDA_ARCHITECTURES_USED "${SERP_CUDA_ARCHITECTURES}")
      elseif(SERP_CUDA STREQUAL "ON" OR (SERP_CUBLAS AND EXISTS "${SERP_LIBTORCH_ROOT}/lib/libc10_cuda.so"))
        set(SERP_CUDA_ARCHITECTURES_USED 80 86 89 90 120)
      else()
        set(SERP_CUDA_ARCHITECTURES_USED 90)
      endif()
      if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES 90)  # for the compiler's own test; targets state theirs
      endif()
      enable_language(CUDA)
      find_package(CUDAToolkit QUIET)
      if(CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.0)  # the first that speaks C++20
        set(SERP_WITH_CUDA ON)
      endif()
      if(NOT SERP_CUDA_ARCHITECTURES AND CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
        list(REMOVE_ITEM SERP_CUDA_ARCHITECTURES_USED 120)
      endif()
    endif()
  endif()
  if(SERP_CUDA STREQUAL "ON" AND NOT SERP_WITH_CUDA)
    message(FATAL_ERROR "SERP_CUDA=ON, but there is no working nvcc of CUDA 12 or newer (looked at: ${SERP_NVCC}). "
      "Install the CUDA toolkit, put nvcc into PATH or set CUDACXX, or configure with SERP_CUDA=OFF.")
  endif()
endif()
if(SERP_WITH_CUDA)
  message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER} for ${SERP_CUDA_ARCHITECTURES_USED}")
else()
  message(STATUS "CUDA kernels: not compiled")
endif()
