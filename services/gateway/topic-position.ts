/** Partitions and positions by the names of their topics. @module */

/** The next offset of one partition. */
export interface TopicPosition extends TopicPartition {
  readonly offset: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
