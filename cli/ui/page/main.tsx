/** Begins the page. @module */
import { render } from 'preact'
// oxlint-disable-next-line import/no-unassigned-import -- a style has nothing to assign
import './page.css'
import { App } from './app.tsx'

render(<App />, document.querySelector('#app')!)
