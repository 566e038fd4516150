// SPDX-License-Identifier: GPL-3.0-or-later
// The style sheet of the program, with the theme's colours filled in.
#pragma once

#include <QString>

namespace serp::app {

class Theme;

/// Widgets opt in by the dynamic property "role": panel, panel-header, title, caption, muted, figure, code, topbar, rail, rail-item,
/// primary (the one filled button), ghost (a button without a frame), segment, tag-live, tag-next, tag-recorded, tag-fault, key, danger.
QString styleSheetText(const Theme& theme);

}  // namespace serp::app
