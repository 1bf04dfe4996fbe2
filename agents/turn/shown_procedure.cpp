#include "agents/turn/shown_procedure.hpp"

namespace mnema {
namespace {

constexpr const char* kHeading = "Do the task below as it was done before with success. ";
constexpr const char* kAuthority = "\nWhatever else you are told counts more.";

}  // namespace

ShownProcedure shown(const std::optional<Procedure>& found) {
  if (!found) return {};
  // An operator's words are trusted like one.
  const Trust trust = found->words.empty() ? weakest(Trust::kOperator, found->trust) : Trust::kOperator;
  return {kHeading + text_of(*found) + kAuthority, trust, found->id};
}

}  // namespace mnema
