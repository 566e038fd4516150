// SPDX-License-Identifier: GPL-3.0-or-later
// The demonstration run that is shipped with the program, as values.
#pragma once

#include "app/session/run_watcher.h"

namespace serp::app {

class SeriesStore;

/// A run folder of the engine's own, without checkpoints, plus the text it routed at its end.
struct RecordedRun {
  RunBatch batch;                                    ///< empty where the program was built without one
  std::shared_ptr<const RoutedText> text;
};

/// Unpacks the folder from the program's resources, reads it with the ordinary reader, removes it. Blocks for milliseconds.
RecordedRun readRecordedRun();
/// The batch's values into an empty store.
void fillStore(SeriesStore& store, const RecordedRun& run);

/// How a routed text is kept beside a recorded run: one JSON document.
QByteArray routedTextJson(const RoutedText& text);
std::shared_ptr<const RoutedText> routedTextFromJson(const QByteArray& json);  ///< null if it is damaged

}  // namespace serp::app
