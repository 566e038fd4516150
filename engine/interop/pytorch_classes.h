// SPDX-License-Identifier: GPL-3.0-or-later
// The classes that an exported PyTorch module is put together from, as Python source.
#pragma once

#include <map>
#include <string>

namespace serp::pytorch {

/// Imports and the reader of safetensors.
extern const char* const kHead;
/// A class or function: the names it builds on, separated by blanks, and its source.
struct ClassText {
  const char *needs, *source;
};
/// State-space mixers and the scan under them.
const std::map<std::string, ClassText>& mixerClasses();

/// The source of a class by its name ("Mamba"), or null. `needs` gets the names of classes it builds on, separated by blanks.
const char* classSource(const std::string& name, std::string& needs);
/// The class LanguageModel, after a line that builds `layers`; and the part that answers the command line.
extern const char* const kTail;

}  // namespace serp::pytorch
