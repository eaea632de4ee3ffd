/** The contrast of the texts of a page (WCAG 2.2, success criterion 1.4.3), as they are drawn. @module */
import type { Page } from 'playwright-core'

export interface Poor {
  readonly text: string
  readonly ratio: number
}

/** Texts whose contrast with what they stand on is below 4.5, or below 3 where they are large. */
export const poorContrast = (page: Page): Promise<Poor[]> =>
  page.evaluate(() => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 1
    const pen = canvas.getContext('2d', { willReadFrequently: true })!
    /** Any colour of CSS as red, green, blue and alpha. */
    const partsOf = (colour: string) => {
      pen.clearRect(0, 0, 1, 1)
      pen.fillStyle = colour
      pen.fillRect(0, 0, 1, 1)
      return [...pen.getImageData(0, 0, 1, 1).data] as [number, number, number, number]
    }
    const luminance = ([r, g, b]: readonly number[]) => {
      const [red = 0, green = 0, blue = 0] = [r!, g!, b!].map((part) => {
        const share = part / 255
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const groundOf = (element: Element | null): readonly number[] => {
      for (let at = element; at; at = at.parentElement) {
        const parts = partsOf(getComputedStyle(at).backgroundColor)
        if (parts[3] === 255) return parts
      }
      return [255, 255, 255]
    }
    const poor: { text: string; ratio: number }[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement!
      const text = node.textContent!.trim()
      if (
        text === '' ||
        !element.checkVisibility() ||
        ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName)
      )
        continue
      // What is disabled, or old and says so, has no demand of contrast.
      if (element.closest(':disabled, .old')) continue
      const { color, fontSize, fontWeight } = getComputedStyle(element)
      const [a, b] = [luminance(partsOf(color)), luminance(groundOf(element))]
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      const size = Number.parseFloat(fontSize)
      const isLarge = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700)
      if (ratio < (isLarge ? 3 : 4.5))
        poor.push({ text: text.slice(0, 60), ratio: Math.round(ratio * 100) / 100 })
    }
    return poor
  })
