/** A panel, in the types of Grafana. @module */
import {
  BigValueColorMode,
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel as GrafanaPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Panel, Query } from './row.ts'

/** The Prometheus that is chosen on top of the board. */
export const SOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Of 24 columns. */
const STAT_WIDTH = 4
const LINES_WIDTH = 8

/** @param id of its own within the board */
export function panelOf(panel: Panel, id: number): { build(): GrafanaPanel } {
  const { title, says, unit, as = 'lines', max, queries } = panel
  const made = as === 'lines' ? timeSeries() : stat(as === 'yes or no')
  made.id(id).title(title).description(says).datasource(SOURCE).unit(unit)
  if (max !== undefined) made.max(max)
  for (const [at, each] of queries.entries()) made.withTarget(target(each, at, as !== 'lines'))
  return made
}

const target = ({ expr, legend }: Query, at: number, latest: boolean) => {
  const made = new DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .refId(String.fromCodePoint(65 + at))
  return latest ? made.instant() : made.range()
}

const timeSeries = () =>
  new TimeSeries()
    .height(7)
    .span(LINES_WIDTH)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))

const stat = (yesOrNo: boolean) => {
  const made = new Stat()
    .height(4)
    .span(STAT_WIDTH)
    .textMode(BigValueTextMode.ValueAndName)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
  if (!yesOrNo) return made.colorMode(BigValueColorMode.None)
  return made
    .colorMode(BigValueColorMode.Background)
    .mappings([
      {
        type: MappingType.ValueToText,
        options: { '0': { text: 'no', color: 'red' }, '1': { text: 'yes', color: 'green' } },
      },
    ])
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
        { value: null, color: 'red' },
        { value: 1, color: 'green' },
      ]),
    )
}
