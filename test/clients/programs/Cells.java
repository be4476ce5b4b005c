import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** What both Java clients of the matrix have in common: arguments in, lines of JSON out. */
final class Cells {
  final String api;
  final String elsewhere;
  final List<String> cells;
  private final Path file;

  Cells(String[] args) {
    api = args[0];
    elsewhere = args[1];
    file = Path.of(args[2]);
    cells = Arrays.asList(args).subList(3, args.length);
  }

  byte[] upload() throws Exception {
    return Files.readAllBytes(file);
  }

  /** @param http the version that was spoken */
  static void answered(String cell, int status, byte[] body, String http) throws Exception {
    System.out.printf(
        "{\"cell\":\"%s\",\"status\":%d,\"sha256\":\"%s\",\"http\":\"%s\"}%n", cell, status, sha256(body), http);
  }

  static void saw(Certificate certificate) throws Exception {
    System.out.printf("{\"cell\":\"tunnel\",\"certificate\":\"%s\"}%n", sha256(certificate.getEncoded()));
  }

  static void event(String text) {
    System.out.printf("{\"cell\":\"events\",\"event\":\"%s\"}%n", text);
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }
}
