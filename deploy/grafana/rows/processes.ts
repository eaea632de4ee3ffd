/** The row of the processes themselves. @module */
import { quantile, rate, series, sum } from '../expressions.ts'
import { lines, query } from '../row.ts'
import type { Row } from '../row.ts'

export const PROCESSES: Row = {
  title: 'Processes',
  panels: [
    lines(
      'CPU',
      'short',
      'Cores. Near 1 a process has no more to give.',
      query(sum('job, instance', rate('process_cpu_seconds_total')), '{{job}} {{instance}}'),
    ),
    lines(
      'Memory',
      'bytes',
      'What the system has given the process.',
      query(series('process_resident_memory_bytes'), '{{job}} {{instance}}'),
    ),
    lines(
      'Heap',
      'bytes',
      'What JavaScript uses of it.',
      query(series('nodejs_heap_size_used_bytes'), '{{job}} {{instance}}'),
    ),
    lines(
      'Event loop',
      's',
      'How late it is, 99 %: all answers are late by that.',
      query(series('nodejs_eventloop_lag_p99_seconds'), '{{job}} {{instance}}'),
    ),
    lines(
      'Garbage collection',
      's',
      'How long a collection takes, 99 %, by kind.',
      query(quantile(0.99, 'kind', rate('nodejs_gc_duration_seconds_bucket')), '{{kind}}'),
    ),
    lines(
      'Open files',
      'percentunit',
      'Of the limit.',
      query(`${series('process_open_fds')} / ${series('process_max_fds')}`, '{{job}} {{instance}}'),
    ),
  ],
}
