/** The settings that the functions read from their environment: see `template.yaml`. @module */
import process from 'node:process'
import * as z from 'zod'

const Settings = z.object({
  /** A gateway in front of Kafka. */
  KAFKA_REST_URL: z.url(),
  /** The service that has the users; a database would do as well. */
  USERS_URL: z.url(),
  REDIS_URL: z.url().optional(),
  REDIS_TOKEN: z.string().optional(),
})

export const settings = Settings.parse(process.env)
