// SPDX-License-Identifier: GPL-3.0-or-later
// QCustomPlot's header, which needs Qt's keywords, in a program that switches them off. Include this, never qcustomplot.h.
#pragma once

#include <QtGlobal>

#define signals public
#define slots
#define foreach Q_FOREACH
#define emit
#include <qcustomplot.h>
#undef signals
#undef slots
#undef foreach
#undef emit
