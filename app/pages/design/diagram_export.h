// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's drawing of a design as a file.
#pragma once

#include <QString>

#include "engine/api/plan.h"

namespace serp::app {

/// SVG, PDF or PNG (twice the size) by the file's ending; what the engine draws is the same in all of them. False: `error` says why.
bool writeDiagram(const Plan& plan, const QString& file, QString* error);

}  // namespace serp::app
