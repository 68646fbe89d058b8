// Runs a test binary of GOOS=wasip1 in this V8:
//
//	node --no-liftoff run.mjs jwtlite.test.wasm -test.bench=.
//
// --no-liftoff, because Envoy's V8 optimises all code when it loads a plugin.
import { readFile } from 'node:fs/promises'
import { argv, env, exit } from 'node:process'
import { WASI } from 'node:wasi'

const wasi = new WASI({ version: 'preview1', args: argv.slice(2), env: { ...env, PWD: '/' } })
const module = await WebAssembly.compile(await readFile(argv[2]))
exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())))
