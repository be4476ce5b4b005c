import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

/** HttpsURLConnection, as it comes. */
final class UrlConnectionCells {
  public static void main(String[] args) throws Exception {
    var matrix = new Cells(args);
    for (var cell : matrix.cells) {
      switch (cell) {
        case "upload" -> {
          var connection = to(matrix.api + "/upload");
          connection.setDoOutput(true);
          connection.setRequestProperty("Content-Type", "application/octet-stream");
          connection.getOutputStream().write(matrix.upload());
          read(cell, connection);
        }
        case "events" -> events(matrix.api);
        case "tunnel" -> {
          var connection = to(matrix.elsewhere + "/get");
          connection.connect();
          Cells.saw(connection.getServerCertificates()[0]);
          read(cell, connection);
        }
        default -> read(cell, to(matrix.api + "/" + cell));
      }
    }
  }

  private static HttpsURLConnection to(String url) throws Exception {
    return (HttpsURLConnection) new URL(url).openConnection();
  }

  private static void read(String cell, HttpsURLConnection connection) throws Exception {
    var status = connection.getResponseCode();
    try (var body = connection.getInputStream()) {
      Cells.answered(cell, status, body.readAllBytes(), "1.1");
    }
  }

  private static void events(String api) throws Exception {
    try (var lines = new BufferedReader(new InputStreamReader(to(api + "/events").getInputStream()))) {
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("data: ")) continue;
        to(api + "/ack").getInputStream().readAllBytes();
        Cells.event(line.substring("data: ".length()));
      }
    }
  }
}
