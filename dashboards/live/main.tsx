import { render } from 'preact'
import { App } from './app.tsx'
import { startConnection } from './data/connection.ts'
import { startFrames } from './data/frames.ts'
import { startSession } from './data/session.ts'
import { startKeyboard } from './keyboard.ts'
import { startRouting } from './route.ts'
import { startTheme } from './theme.ts'

startTheme()
startRouting()
startKeyboard()
startFrames()
startSession()
startConnection()
render(<App />, document.getElementById('page')!)
