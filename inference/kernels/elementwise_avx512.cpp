#include "inference/kernels/simd_avx512.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/elementwise_simd.hpp"

namespace mnema {

extern const ElementwiseKernels kElementwiseAvx512;
const ElementwiseKernels kElementwiseAvx512 = kSimdElementwise;

}  // namespace mnema
