import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Apache's own producer: `Produce host:port count topic:compression …` writes `count` records to each topic. */
final class Produce {
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[1]);
    for (int at = 2; at < args.length; at++) {
      String[] target = args[at].split(":");
      Properties settings = new Properties();
      settings.put("bootstrap.servers", args[0]);
      settings.put("compression.type", target[1]);
      settings.put("linger.ms", "50");
      settings.put("key.serializer", StringSerializer.class.getName());
      settings.put("value.serializer", StringSerializer.class.getName());
      try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
        for (int n = 0; n < count; n++) {
          producer.send(new ProducerRecord<>(target[0], 0, "key-" + n, "value ".repeat(20) + n));
        }
      }
    }
  }
}
