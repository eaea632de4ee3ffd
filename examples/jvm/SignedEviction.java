import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A service on the JVM that evicts: it writes signed messages into the evictions topic, with the JDK alone (11 or newer).
 *
 * <pre>KEDGE_URL=http://127.0.0.1:8082 KEDGE_SIGN_KEYS=k1:… java SignedEviction.java users 7 8</pre>
 *
 * With Kafka's own client instead of a gateway: {@code new ProducerRecord<>(topic, partition, key, signed)}, where key and
 * value are serialized by {@code ByteArraySerializer}, and {@code acks=all}.
 */
final class SignedEviction {
  private static final String TOPIC = "cache-evictions";

  public static void main(String[] args) throws Exception {
    if (args.length < 2) throw new IllegalArgumentException("usage: SignedEviction <namespace> <key> …");
    String[] first = System.getenv("KEDGE_SIGN_KEYS").split(",")[0].split(":", 2);
    Signer signer = new Signer(first[0], Base64.getDecoder().decode(first[1]));

    byte[] recordKey = args[0].getBytes(StandardCharsets.UTF_8);
    byte[] signed = signer.sign(TOPIC, recordKey, eviction(args), System.currentTimeMillis());

    // One partition, the default: with more, it is murmur2(namespace) & 0x7fffffff % partitions, Kafka's own hash.
    String record = "{\"partition\":0,\"key\":\"" + base64(recordKey) + "\",\"value\":\"" + base64(signed) + "\"}";
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(System.getenv("KEDGE_URL") + "/topics/" + TOPIC))
            .timeout(Duration.ofSeconds(5))
            .header("content-type", "application/vnd.kafka.binary.v2+json")
            .POST(HttpRequest.BodyPublishers.ofString("{\"records\":[" + record + "]}"))
            .build();
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    // 200 is no acknowledgement: each record has an offset, or an error code.
    if (response.statusCode() != 200 || !response.body().matches("(?s).*\"offset\":\\s*\\d+.*"))
      throw new IllegalStateException("not acknowledged: " + response.statusCode() + " " + response.body());
    System.out.println(response.body());
  }

  private static byte[] eviction(String[] args) {
    StringBuilder json = new StringBuilder("{\"v\":1,\"op\":\"evict\",\"ns\":").append(quoted(args[0])).append(",\"keys\":[");
    for (int at = 1; at < args.length; at++) json.append(at > 1 ? "," : "").append(quoted(args[at]));
    return json.append("]}").toString().getBytes(StandardCharsets.UTF_8);
  }

  /** As JSON: a program that has Jackson uses that. */
  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char each : text.toCharArray()) {
      if (each == '"' || each == '\\') out.append('\\').append(each);
      else if (each < 0x20 || Character.isSurrogate(each)) out.append(String.format("\\u%04x", (int) each));
      else out.append(each);
    }
    return out.append('"').toString();
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  /** Signs messages as kedge does: HMAC-SHA-256 over the topic, the moment, the record's key and the message. */
  static final class Signer {
    private final String id;
    private final SecretKeySpec key;

    Signer(String id, byte[] secret) {
      if (secret.length < 32) throw new IllegalArgumentException("a secret has 32 bytes at least");
      this.id = id;
      this.key = new SecretKeySpec(secret, "HmacSHA256");
    }

    /**
     * @param json an object of one member at least, with nothing after its last brace
     * @return the same object with the member {@code sig} at its end
     */
    byte[] sign(String topic, byte[] recordKey, byte[] json, long now) throws GeneralSecurityException {
      Mac mac = Mac.getInstance("HmacSHA256"); // one for each call: a Mac is not for several threads
      mac.init(key);
      String head = "kedge-hmac-1\n" + topic + "\n" + now + "\n" + recordKey.length + "\n";
      mac.update(head.getBytes(StandardCharsets.UTF_8));
      mac.update(recordKey);
      mac.update(json);
      String code = Base64.getUrlEncoder().withoutPadding().encodeToString(mac.doFinal());
      byte[] tail = (",\"sig\":\"" + id + "." + now + "." + code + "\"}").getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.allocate(json.length - 1 + tail.length).put(json, 0, json.length - 1).put(tail).array();
    }
  }
}
