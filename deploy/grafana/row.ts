/** What a board shows, before Grafana's types: rows of panels, each with its queries. @module */

/** As Grafana calls its units. */
export type Unit = 's' | 'bytes' | 'Bps' | 'short' | 'percentunit' | 'reqps' | 'ops'

export interface Query {
  readonly expr: string
  /** With `{{labels}}`. */
  readonly legend: string
}

export interface Panel {
  readonly title: string
  /** One sentence: what it means that the line rises, or falls. */
  readonly says: string
  readonly unit: Unit
  /** `stat` shows the latest value as a number. @default 'lines' */
  readonly as?: 'lines' | 'stat' | 'yes or no'
  /** The top of the axis, such as 1 of a share. */
  readonly max?: number
  readonly queries: readonly Query[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** A panel of lines with one query. */
export const lines = (title: string, unit: Unit, says: string, ...queries: readonly Query[]): Panel => ({
  title,
  says,
  unit,
  queries,
})

export const query = (expr: string, legend: string): Query => ({ expr, legend })
