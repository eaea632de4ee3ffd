/** The board of kedge, in the types of Grafana. @module */
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelOf, SOURCE } from './panel.ts'
import { EVICTIONS, LOG_CALLS, OVERVIEW, READS, SHARED_TIER } from './rows/caches.ts'
import { GATEWAY } from './rows/gateway.ts'
import { PROCESSES } from './rows/processes.ts'
import { LOADER, PERSISTER, SYNC } from './rows/services.ts'

const ROWS = [OVERVIEW, READS, EVICTIONS, LOG_CALLS, SHARED_TIER, GATEWAY, SYNC, LOADER, PERSISTER, PROCESSES]

/** Processes of kedge, and programs with a cache. */
const MEMBERS = '{__name__=~"kedge_build_info|kedge_cache_ready"'

const chosen = (name: string, label: string, query: string) =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' })

export function board(): Dashboard {
  const made = new DashboardBuilder('kedge')
    .uid('kedge')
    .description('Caches, gateways and services of kedge. Made by deploy/grafana/build.ts.')
    .tags(['kedge', 'kafka', 'cache'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Source').type('prometheus'))
    .withVariable(chosen('job', 'Job', `label_values(${MEMBERS}}, job)`))
    .withVariable(chosen('instance', 'Instance', `label_values(${MEMBERS}, job=~"$job"}, instance)`))
  let id = 0
  for (const { title, panels } of ROWS) {
    made.withRow(new RowBuilder(title).id(++id))
    for (const panel of panels) made.withPanel(panelOf(panel, ++id))
  }
  return made.build()
}
