#!/usr/bin/env node
// Plain and old JavaScript, on purpose: a Node that is too old must get as far as the sentence that says so.
const needed = [24, 15]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `astern needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}: install it from https://nodejs.org, or run the container image\n`
  )
  process.exitCode = 2
} else {
  import('../dist/main.js').catch(cause => {
    process.stderr.write(`${cause.stack}\n`)
    process.exitCode = 1
  })
}
