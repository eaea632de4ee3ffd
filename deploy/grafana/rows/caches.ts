/** The rows of caches: of the sidecar, and of programs. @module */
import { cacheQuantile, cacheRate, LAG, max, min, ofCaches, rate, series, sum } from '../expressions.ts'
import { lines, query } from '../row.ts'
import type { Row } from '../row.ts'

const HITS = 'hits_total'
const MISSES = 'misses_total'
const HIT_RATIO = `${cacheRate('job', HITS)} / ${sum(
  'job',
  ofCaches((prefix) => `${rate(`${prefix}${HITS}`)} + ${rate(`${prefix}${MISSES}`)}`),
)}`

export const OVERVIEW: Row = {
  title: 'Overview',
  panels: [
    {
      title: 'Freshness proved',
      says: 'Whether every cache of the job can prove that its values are fresh. One that is idle may not: it polls at requests alone.',
      unit: 'short',
      as: 'yes or no',
      queries: [
        query(
          min(
            'job',
            ofCaches((prefix) => series(`${prefix}ready`)),
          ),
          '{{job}}',
        ),
      ],
    },
    {
      title: 'Age of the proof',
      says: 'How old the oldest proof of a job is. Above `maxStaleness`, values are served as stale or not at all.',
      unit: 's',
      as: 'stat',
      queries: [
        query(
          max(
            'job',
            ofCaches((prefix) => series(`${prefix}fresh_age_seconds`)),
          ),
          '{{job}}',
        ),
      ],
    },
    {
      title: 'Hit ratio',
      says: 'The share of reads that a held value answers.',
      unit: 'percentunit',
      as: 'stat',
      queries: [query(HIT_RATIO, '{{job}}')],
    },
    {
      title: 'Lag',
      says: 'Records between the positions of the readers and the ends of their topics.',
      unit: 'short',
      as: 'stat',
      queries: [query(LAG, '{{consumer_group}} {{topic}}')],
    },
    {
      title: 'Services ready',
      says: 'Whether every process of the job is ready.',
      unit: 'short',
      as: 'yes or no',
      queries: [
        query(min('job, topic', series('kedge_sync_ready')), '{{job}} {{topic}}'),
        query(min('job', series('kedge_loader_ready')), '{{job}}'),
        query(min('job', series('kedge_persister_ready')), '{{job}}'),
      ],
    },
    {
      title: 'Processes',
      says: 'How many processes of which version are scraped.',
      unit: 'short',
      as: 'stat',
      queries: [
        query(`count by (command, version) (${series('kedge_build_info')})`, '{{command}} {{version}}'),
      ],
    },
  ],
}

export const READS: Row = {
  title: 'Reads and loads',
  panels: [
    lines(
      'Reads',
      'ops',
      'Reads in a second, by whether a held value answers them.',
      query(cacheRate('job', HITS), 'hits {{job}}'),
      query(cacheRate('job', MISSES), 'misses {{job}}'),
    ),
    {
      ...lines(
        'Hit ratio',
        'percentunit',
        'It falls after a start, a resync, and evictions that match much.',
      ),
      max: 1,
      queries: [query(HIT_RATIO, '{{job}}')],
    },
    lines(
      'Loads',
      'ops',
      'Loads from the source in a second, by namespace and outcome.',
      query(
        cacheRate('kedge_namespace, outcome', 'load_duration_seconds_count'),
        '{{kedge_namespace}} {{outcome}}',
      ),
    ),
    lines(
      'Time of a load',
      's',
      'How long the source takes.',
      query(cacheQuantile(0.5, '', 'load_duration_seconds'), 'half'),
      query(cacheQuantile(0.99, '', 'load_duration_seconds'), '99 %'),
    ),
    lines(
      'Values held',
      'short',
      'Values in memory. Level at `maxEntries`: others are pushed out.',
      query(
        sum(
          'instance',
          ofCaches((prefix) => series(`${prefix}entries`)),
        ),
        '{{instance}}',
      ),
    ),
    lines(
      'Bytes held',
      'bytes',
      'What these values are estimated to take.',
      query(
        sum(
          'instance',
          ofCaches((prefix) => series(`${prefix}bytes`)),
        ),
        '{{instance}}',
      ),
    ),
    lines(
      'Requests of the sidecar',
      'reqps',
      'Requests to `kedge serve` in a second, by route and status.',
      query(
        sum('method, route, status', rate('kedge_serve_request_duration_seconds_count')),
        '{{method}} {{route}} {{status}}',
      ),
    ),
    lines(
      'The origin answers',
      'short',
      '1 while the last request of the sidecar to its origin was answered.',
      query(series('kedge_serve_origin_up'), '{{instance}}'),
    ),
  ],
}

export const EVICTIONS: Row = {
  title: 'Evictions',
  panels: [
    lines(
      'Applied',
      'ops',
      'Evictions, and values from the log, that were applied in a second.',
      query(cacheRate('job', 'evictions_total'), 'evictions {{job}}'),
      query(cacheRate('job', 'updates_total'), 'values {{job}}'),
    ),
    lines(
      'Lag of evictions',
      'short',
      'Evictions that are in the log and were not read yet.',
      query(
        max(
          'instance',
          ofCaches((prefix) => series(`${prefix}lag_records`)),
        ),
        '{{instance}}',
      ),
    ),
    lines(
      'Resyncs and refusals',
      'ops',
      'A resync drops everything. A record that is refused drops everything in its partition.',
      query(cacheRate('job', 'reanchors_total'), 'resyncs {{job}}'),
      query(cacheRate('job', 'refused_records_total'), 'records refused {{job}}'),
      query(cacheRate('job', 'fenced_loads_total'), 'loads not kept {{job}}'),
    ),
    lines(
      'Signatures',
      'ops',
      'Records that were signed, verified, accepted without a signature, and refused.',
      query(sum('job, outcome', rate('kedge_signatures_total')), '{{outcome}} {{job}}'),
    ),
  ],
}

export const LOG_CALLS: Row = {
  title: 'Polls and writes',
  panels: [
    lines(
      'Time of a poll',
      's',
      'Until freshness is proved. It must stay below `pollTimeout` and `maxStaleness`. Applying evictions is a part of it, and of long polls.',
      query(cacheQuantile(0.5, '', 'poll_duration_seconds'), 'half'),
      query(cacheQuantile(0.99, '', 'poll_duration_seconds'), '99 %'),
      query(cacheQuantile(0.99, '', 'apply_duration_seconds'), 'applying, 99 %'),
    ),
    lines(
      'Polls',
      'ops',
      'Polls in a second. Those that could not verify that the log is the same need a heartbeat, or the gateway.',
      query(cacheRate('job', 'polls_total'), 'polls {{job}}'),
      query(cacheRate('job', 'shared_polls_total'), 'by shared samples {{job}}'),
      query(cacheRate('job', 'poll_failures_total'), 'failed {{job}}'),
      query(cacheRate('job', 'unverified_polls_total'), 'not verified {{job}}'),
    ),
    lines(
      'Time of a write',
      's',
      'Until the log has acknowledged every record.',
      query(cacheQuantile(0.5, 'topic', 'publish_duration_seconds'), 'half {{topic}}'),
      query(cacheQuantile(0.99, 'topic', 'publish_duration_seconds'), '99 % {{topic}}'),
    ),
    lines(
      'Writes',
      'ops',
      'Writes in a second, by topic and outcome. One that fails must be repeated by its caller.',
      query(cacheRate('topic, outcome', 'publish_duration_seconds_count'), '{{topic}} {{outcome}}'),
    ),
  ],
}

export const SHARED_TIER: Row = {
  title: 'Shared tier, loader asked',
  panels: [
    lines(
      'Keys asked of the tier',
      'ops',
      'Keys in a second, by what the tier had.',
      query(cacheRate('job', 'tier_hits_total'), 'hits {{job}}'),
      query(cacheRate('job', 'tier_misses_total'), 'misses {{job}}'),
      query(cacheRate('job', 'tier_refused_total'), 'refused {{job}}'),
      query(cacheRate('job', 'tier_failures_total'), 'failed {{job}}'),
    ),
    lines(
      'Time of a call of the tier',
      's',
      'By operation.',
      query(cacheQuantile(0.99, 'operation', 'tier_duration_seconds'), '99 % {{operation}}'),
    ),
    lines(
      'The tier is left alone',
      'short',
      '1 while the tier fails, so that misses go to the source.',
      query(series('kedge_cache_tier_open'), '{{instance}}'),
    ),
    lines(
      'Loader services asked',
      'ops',
      'Misses that a loader service answered, and calls of it that failed.',
      query(cacheRate('job', 'answered_total'), 'answered {{job}}'),
      query(cacheRate('job', 'ask_failures_total'), 'failed {{job}}'),
    ),
    lines(
      'Time of an answer',
      's',
      'Until a loader service has answered.',
      query(cacheQuantile(0.99, 'outcome', 'ask_duration_seconds'), '99 % {{outcome}}'),
    ),
  ],
}
