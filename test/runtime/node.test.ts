import { describe, expect, it } from 'vitest'
import { suites } from './suites.ts'

suites({ describe, it, expect })
