#!/usr/bin/env node
import { main } from '../dist/cli.js'

// A set exit code would wait for sockets that only a bug could have left open.
process.exit(await main(process.argv.slice(2)))
