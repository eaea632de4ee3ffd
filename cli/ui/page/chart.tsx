/** A line over the last minutes, which goes on moving when nothing is heard any more. @module */
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import type { Line } from './history.ts'
import { windowOf } from './history.ts'
import { useNow } from './now.ts'

export interface ChartProps {
  readonly title: string
  /** What the line means, for who wonders. */
  readonly hint: string
  readonly line: Line
  readonly format: (value: number) => string
  /** The least that the axis goes up to. */
  readonly least: number
  /** The most that it goes up to; without it, as far as the line does. */
  readonly most?: number
  /** A limit that is drawn across. */
  readonly limit?: number
}

const HEIGHT = 132
const TICK_MS = 1000

export function Chart(props: ChartProps) {
  const { title, hint, line, format } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  const now = useNow(TICK_MS)

  useEffect(() => {
    const element = box.current!
    const made = new UPlot(optionsOf(element, latest), [[], []], element)
    plot.current = made
    const sized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    sized.observe(element)
    const recoloured = () => made.redraw(false, true)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', recoloured)
    addEventListener('kedge-theme', recoloured)
    return () => {
      sized.disconnect()
      dark.removeEventListener('change', recoloured)
      removeEventListener('kedge-theme', recoloured)
      made.destroy()
    }
  }, [])

  useEffect(() => {
    const data = [line.times, line.values] as unknown as UPlot.AlignedData
    plot.current?.setData(data, false)
    plot.current?.setScale('x', { min: (now - windowOf(line, now)) / 1000, max: now / 1000 })
  }, [line, now])

  const seen = line.values.filter((value) => value !== null)
  const last = line.values.at(-1) ?? null
  const said =
    seen.length === 0
      ? 'nothing seen yet'
      : `${last === null ? 'none now' : `now ${format(last)}`}, at most ${format(Math.max(...seen))}`
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title" title={hint}>
          {title}
        </span>
        <span class="chart-now">{last === null ? '–' : format(last)}</span>
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={`${title} in the last minutes: ${said}`}>
        {seen.length === 0 && <p class="plot-empty">{hint}</p>}
      </div>
    </figure>
  )
}

function optionsOf(element: HTMLElement, latest: { readonly current: ChartProps }): UPlot.Options {
  const ink = (name: string) => () => inkOf(element, name)
  const grid = { stroke: ink('line'), width: 1 }
  const axis = { stroke: ink('muted'), font: '11px system-ui, sans-serif', ticks: { show: false } }
  return {
    width: Math.max(100, element.clientWidth),
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: false, auto: false },
      y: { range: (_plot, _low, high) => [0, topOf(latest.current, high)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        // Not at the left, where it would stand in the way of the zero.
        splits: ({ scales: { x } }) => [(x!.min! + x!.max!) / 2, x!.max!],
        values: ({ scales: { x } }, splits) => splits.map((at) => agoOf(x!.max! - at)),
      },
      {
        ...axis,
        grid,
        size: 58,
        space: 36,
        values: (_plot, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      {
        stroke: ink('accent'),
        width: 1.5,
        fill: () => `color-mix(in srgb, ${inkOf(element, 'accent')} 12%, transparent)`,
        points: { show: false },
      },
    ],
    hooks: { draw: [(plot) => drawLimit(plot, latest.current.limit, inkOf(element, 'bad'))] },
  }
}

function agoOf(seconds: number): string {
  if (seconds < 1) return 'now'
  return seconds < 60 ? `−${Math.round(seconds)} s` : `−${Math.round(seconds / 30) / 2} min`
}

/** A little room above the line. */
function topOf({ least, most, limit = 0 }: ChartProps, high: number | null): number {
  const top = Math.max(least, limit * 1.15, (high ?? 0) * 1.1)
  return most === undefined ? top : Math.min(most, top)
}

/** The colour of a custom property, as the theme in force has it. */
function inkOf(element: HTMLElement, name: string): string {
  element.style.setProperty('color', `var(--${name})`)
  return getComputedStyle(element).color
}

function drawLimit(plot: UPlot, limit: number | undefined, ink: string): void {
  if (limit === undefined) return
  const { ctx, bbox } = plot
  const y = plot.valToPos(limit, 'y', true)
  ctx.save()
  ctx.strokeStyle = ink
  ctx.lineWidth = devicePixelRatio
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.restore()
}
