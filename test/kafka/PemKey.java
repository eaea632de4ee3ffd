import java.io.FileInputStream;
import java.security.KeyStore;
import java.util.Base64;

/** `PemKey store password alias` prints the private key of a PKCS#12 store as PEM: keytool has no way to say it. */
final class PemKey {
  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(args[0])) {
      store.load(file, args[1].toCharArray());
    }
    byte[] key = store.getKey(args[2], args[1].toCharArray()).getEncoded();
    System.out.println("-----BEGIN PRIVATE KEY-----");
    System.out.println(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key));
    System.out.println("-----END PRIVATE KEY-----");
  }
}
