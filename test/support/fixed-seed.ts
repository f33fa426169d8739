import fc from 'fast-check'

// Loaded before each test file (.taprc). A property without a seed of its own draws the same cases each time, so that CI is red for a
// change and never by chance; `npm run soak` draws others each time. Says again what `seeded` says for one property.
if (process.env['ASTERN_SOAK'] === undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 2026 })
