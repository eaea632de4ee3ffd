/** The board of deploy/grafana, read as Grafana reads it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../package/tarball.ts'

interface Target {
  readonly expr: string
  readonly legendFormat: string
  readonly refId: string
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
  readonly panels?: readonly Panel[]
}

interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

export const BOARD_TEXT = readFileSync(join(ROOT, 'deploy/grafana/kedge.json'), 'utf8')
export const BOARD = JSON.parse(BOARD_TEXT) as Dashboard

/** Each query, with the row and the panel that it stands in. */
export const QUERIES: readonly { readonly where: string; readonly expr: string; readonly legend: string }[] =
  queriesOf(BOARD.panels)

function queriesOf(panels: readonly Panel[], row = ''): { where: string; expr: string; legend: string }[] {
  let title = row
  return panels.flatMap((panel) => {
    if (panel.type === 'row') title = panel.title
    return [
      ...(panel.targets ?? []).map(({ expr, legendFormat, refId }) => ({
        where: `${title}: ${panel.title} ${refId}`,
        expr,
        legend: legendFormat,
      })),
      ...queriesOf(panel.panels ?? [], title),
    ]
  })
}

/** With its variables replaced, as Grafana does when all jobs and instances are chosen. */
export const asked = (expr: string, interval = '20s'): string =>
  expr.replaceAll('$__rate_interval', interval).replaceAll(/\$(?:job|instance)\b/g, '.*')
