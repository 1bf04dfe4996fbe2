#include "inference/kernels/elementwise.hpp"

#include "inference/kernels/matmul.hpp"

namespace mnema {

extern const ElementwiseKernels kElementwiseScalar;
extern const ElementwiseKernels kElementwiseAvx2;
extern const ElementwiseKernels kElementwiseAvx512;

const ElementwiseKernels& elementwise_kernels(InstructionSet isa) {
  switch (isa) {
    case InstructionSet::kScalar:
      return kElementwiseScalar;
    case InstructionSet::kAvx2:
      return kElementwiseAvx2;
    case InstructionSet::kAvx512:
      return kElementwiseAvx512;
  }
  return kElementwiseScalar;
}

}  // namespace mnema
