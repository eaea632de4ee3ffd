/** The board is what the code makes, and asks for metrics that there are. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { board } from '../../deploy/grafana/board.ts'
import { DOCUMENTED, KNOWN, metricsIn } from '../cli/metrics/documented.ts'
import { ROOT } from '../package/tarball.ts'
import { asked, BOARD, BOARD_TEXT, QUERIES } from './grafana.ts'

describe('the board', () => {
  it('is what the code makes: node deploy/grafana/build.ts --write', () => {
    expect(JSON.parse(BOARD_TEXT)).toEqual(JSON.parse(JSON.stringify(board())))
  })

  it('has a row for each part, as docs/monitoring.md lists them', () => {
    const page = readFileSync(join(ROOT, 'docs/monitoring.md'), 'utf8').split('## Board')[1]!
    const written = [...page.matchAll(/^\| ([A-Z][^|]*?) +\|/gm)].map(([, title]) => title)
    const rows = BOARD.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
    expect(rows).toEqual(written)
  })

  it('asks for metrics that docs/metrics.md lists', () => {
    const unknown = QUERIES.flatMap(({ where, expr }) =>
      metricsIn(expr)
        .filter((name) => !KNOWN.has(name))
        .map((name) => `${where}: ${name}`),
    )
    expect(unknown).toEqual([])
  })

  it('shows nearly all that kedge counts', () => {
    const shown = new Set(
      QUERIES.flatMap(({ expr }) => metricsIn(expr)).map((name) =>
        name.replace(/_(?:bucket|count|sum)$/, ''),
      ),
    )
    const left = DOCUMENTED.map(({ name }) => name).filter(
      (name) => /^(?:kedge|kafka)_/.test(name) && !shown.has(name),
    )
    // Each says in another way what a panel shows.
    expect(left).toEqual([
      'kedge_serve_loads_total',
      'kedge_serve_tier_open',
      'kedge_sync_batches_total',
      'kedge_sync_bytes_total',
      'kedge_loader_lag_records',
      'kedge_loader_loads_total',
    ])
  })

  it('shows what the user has chosen: every metric is narrowed to the jobs and the instances', () => {
    for (const { where, expr } of QUERIES) {
      const narrowed = expr.match(/\{job=~"\$job", instance=~"\$instance"/g)?.length
      expect([where, narrowed]).toEqual([
        where,
        expr.match(/\b(?:kedge(?!_namespace\b)|kafka|nodejs|process)_\w+/g)!.length,
      ])
      expect([where, asked(expr).includes('$')]).toEqual([where, false])
    }
  })

  it('names its lines by labels that its queries leave', () => {
    for (const { where, expr, legend } of QUERIES) {
      const by = /\b(?:sum|max|min|count) by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ')
      for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g))
        if (by) expect([where, by]).toEqual([where, expect.arrayContaining([label])])
    }
  })

  it('has panels with ids of their own that do not cover each other, within 24 columns', () => {
    const ids = BOARD.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const taken = new Set<string>()
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of BOARD.panels) {
      expect([title, x + w <= 24]).toEqual([title, true])
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          expect([title, taken.has(`${column} ${line}`)]).toEqual([title, false])
          taken.add(`${column} ${line}`)
        }
    }
  })
})
