#include "inference/kernels/simd_avx2.hpp"

// The vector comes first: the next header is written in its terms.
#include "inference/kernels/elementwise_simd.hpp"

namespace mnema {

extern const ElementwiseKernels kElementwiseAvx2;
const ElementwiseKernels kElementwiseAvx2 = kSimdElementwise;

}  // namespace mnema
