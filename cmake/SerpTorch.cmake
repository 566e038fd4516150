# LibTorch as one imported target, serp_torch. Order: SERP_LIBTORCH_ROOT (what ./bootstrap hands over: a folder with include/ and
# lib/), else a TorchConfig.cmake found through CMAKE_PREFIX_PATH. Only libtorch_cpu and libc10 are linked on a machine without a
# GPU; the PyPI wheel's libraries still need libcudart and libcupti at run time (SERP_CUDART_LIB).
set(SERP_LIBTORCH_ROOT "" CACHE PATH "Folder of LibTorch with include/ and lib/")
set(SERP_CUDART_LIB "" CACHE PATH "Folder of libcudart.so.13 and libcupti.so.13")

add_library(serp_torch INTERFACE)
if(SERP_LIBTORCH_ROOT)
  if(NOT EXISTS "${SERP_LIBTORCH_ROOT}/include/ATen/ATen.h")
    message(FATAL_ERROR "SERP_LIBTORCH_ROOT=${SERP_LIBTORCH_ROOT} holds no LibTorch headers. Run ./bootstrap build, "
      "or point SERP_LIBTORCH_ROOT at the folder that contains include/ and lib/.")
  endif()
  target_include_directories(serp_torch SYSTEM INTERFACE
    "${SERP_LIBTORCH_ROOT}/include" "${SERP_LIBTORCH_ROOT}/include/torch/csrc/api/include")
  target_link_libraries(serp_torch INTERFACE "${SERP_LIBTORCH_ROOT}/lib/libtorch_cpu.so" "${SERP_LIBTORCH_ROOT}/lib/libc10.so")
  set(SERP_TORCH_RPATH "${SERP_LIBTORCH_ROOT}/lib")
  set(SERP_TORCH_HAS_CUDA OFF)
  if(SERP_CUDART_LIB)
    list(APPEND SERP_TORCH_RPATH "${SERP_CUDART_LIB}")
  endif()
  # The CUDA build counts only where its companion libraries lie beside it (the wheel with all its dependencies).
  file(GLOB SERP_TORCH_CUBLAS "${SERP_CUDART_LIB}/libcublas.so*")
  if(SERP_TORCH_CUBLAS AND EXISTS "${SERP_LIBTORCH_ROOT}/lib/libtorch_cuda.so")
    set(SERP_TORCH_HAS_CUDA ON)
    target_link_libraries(serp_torch INTERFACE
      -Wl,--no-as-needed "${SERP_LIBTORCH_ROOT}/lib/libtorch_cuda.so" "${SERP_LIBTORCH_ROOT}/lib/libc10_cuda.so" -Wl,--as-needed)
  endif()
  # RPATH, not RUNPATH: the wheel's own libraries must find libcudart through the program.
  foreach(dir IN LISTS SERP_TORCH_RPATH)
    target_link_options(serp_torch INTERFACE "-Wl,-rpath,${dir}" "-Wl,-rpath-link,${dir}")
  endforeach()
  target_link_options(serp_torch INTERFACE "-Wl,--disable-new-dtags" "-Wl,--allow-shlib-undefined")
  target_compile_definitions(serp_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
else()
  find_package(Torch REQUIRED)
  if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
    message(FATAL_ERROR "This LibTorch is built with the old C++ ABI and cannot be linked with Qt. Take the cxx11-ABI archive "
      "or the PyPI wheel (./bootstrap build fetches it).")
  endif()
  target_link_libraries(serp_torch INTERFACE torch)
  set(SERP_TORCH_HAS_CUDA ${TORCH_CUDA_LIBRARIES})
endif()
target_compile_definitions(serp_torch INTERFACE AT_PER_OPERATOR_HEADERS)

# at::parallel_for is a template of LibTorch's headers: without OpenMP in *our* compilation it runs its body in one thread and says
# nothing. The runtime must be LibTorch's own; two of them in one process fight for the cores.
target_compile_options(serp_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
file(GLOB SERP_LIBGOMP "${SERP_LIBTORCH_ROOT}/lib/libgomp*.so*")
if(SERP_LIBTORCH_ROOT AND SERP_LIBGOMP)
  list(GET SERP_LIBGOMP 0 SERP_LIBGOMP)
  target_link_libraries(serp_torch INTERFACE "${SERP_LIBGOMP}")
else()
  target_link_options(serp_torch INTERFACE -fopenmp)
endif()
