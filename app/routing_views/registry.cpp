// SPDX-License-Identifier: GPL-3.0-or-later
// The list of routing views: one line each. Adding a view is one file and one line here.
#include <QObject>

#include "app/routing_views/balance.h"
#include "app/routing_views/load_by_step.h"
#include "app/routing_views/now.h"
#include "app/routing_views/routing_view.h"
#include "app/routing_views/text_by_expert.h"
#include "app/routing_views/tongue_expert.h"

namespace serp::app {
namespace {

template <class View>
RoutingView* make(const RoutingContext& context) {
  return new View(context);
}

}  // namespace

const std::vector<RoutingViewInfo>& routingViews() {
  static const std::vector<RoutingViewInfo> views = {
      {"load_by_step", QObject::tr("Load by step"),
       QObject::tr("Load ratio u = E × (tokens of the expert ÷ tokens of all). 1 is the fair share, 0 a dead expert. Rows: experts, layer by layer; columns: windows of steps; "
                   "triangles: live edits. Compared with: an even split."),
       0, 0, 240, 4, make<LoadByStep>},
      {"text_by_expert", QObject::tr("Text by expert"),
       QObject::tr("Each token in the colour of the expert it visits first; the stronger, the surer the router. Under a run of two or more: the expert's number. This text only."),
       1, 1, 210, 3, make<TextByExpert>},
      {"now", QObject::tr("Now"),
       QObject::tr("Load ratio u of every expert of every layer in the window at the cursor, and one layer's experts in order. 1 = fair share; above the capacity line tokens are dropped."),
       2, 1, 262, 3, make<NowView>},
      {"balance", QObject::tr("Balance"),
       QObject::tr("CV, MaxVio = max u − 1, router entropy, dead experts, dropped tokens and used slots, per layer. Compared with: 0, or ln E for entropy."),
       2, 0, 310, 4, make<BalanceView>},
      {"tongue_expert", QObject::tr("Tongue × expert"),
       QObject::tr("u = E × (tokens of the tongue that visit the expert ÷ tokens of the tongue). 1 = no preference. Below: normalised mutual information of the expert with properties "
                   "of the token, beside its shuffled null."),
       1, 1, 280, 2, make<TongueExpert>},
  };
  return views;
}

}  // namespace serp::app
