import { startApp } from '../../../src/app/app.ts'
import { readConfig, type ServeFlags } from '../../../src/config.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'

/** Astern in a process of its own that dies, as by `kill -9`, at a named point of the flow. */
const [flags = '{}', fault = ''] = process.argv.slice(2)
await startApp(readConfig(JSON.parse(flags) as ServeFlags, {}), {
  logger: createLogger('info', 'json', process.stderr),
  faults: {
    reach(point) {
      if (point === fault) process.kill(process.pid, 'SIGKILL')
    }
  }
})
