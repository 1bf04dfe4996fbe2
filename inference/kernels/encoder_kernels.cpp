#include "inference/kernels/encoder_kernels.hpp"

#include "inference/kernels/matmul.hpp"

namespace mnema {

extern const EncoderKernels kEncoderScalar;
extern const EncoderKernels kEncoderAvx2;
extern const EncoderKernels kEncoderAvx512;

const EncoderKernels& encoder_kernels(InstructionSet isa) {
  switch (isa) {
    case InstructionSet::kScalar:
      return kEncoderScalar;
    case InstructionSet::kAvx2:
      return kEncoderAvx2;
    case InstructionSet::kAvx512:
      return kEncoderAvx512;
  }
  return kEncoderScalar;
}

}  // namespace mnema
