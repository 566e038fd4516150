// SPDX-License-Identifier: GPL-3.0-or-later
// Derived defaults such as "max(1, floor(d_model / 64))", evaluated over named numbers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace serp {

/// Value of a name, or nothing if there is no such name.
using FormulaNames = std::function<std::optional<double>(std::string_view)>;

/// + - * / ( ) over numbers and names, and ceil floor int max min gcd. Nothing if the formula is malformed, names something
/// unknown or is not finite. Returns at once.
std::optional<double> evaluateFormula(std::string_view formula, const FormulaNames& names);

}  // namespace serp
