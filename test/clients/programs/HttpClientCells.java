import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** java.net.http, as it comes. */
final class HttpClientCells {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] args) throws Exception {
    var matrix = new Cells(args);
    for (var cell : matrix.cells) {
      switch (cell) {
        case "upload" -> {
          var body = BodyPublishers.ofByteArray(matrix.upload());
          var request = to(matrix.api + "/upload").header("Content-Type", "application/octet-stream").POST(body);
          read(cell, CLIENT.send(request.build(), BodyHandlers.ofByteArray()));
        }
        case "events" -> events(matrix.api);
        case "tunnel" -> {
          var answer = CLIENT.send(to(matrix.elsewhere + "/get").build(), BodyHandlers.ofByteArray());
          read(cell, answer);
          Cells.saw(answer.sslSession().orElseThrow().getPeerCertificates()[0]);
        }
        default -> read(cell, CLIENT.send(to(matrix.api + "/" + cell).build(), BodyHandlers.ofByteArray()));
      }
    }
  }

  private static HttpRequest.Builder to(String url) {
    return HttpRequest.newBuilder(URI.create(url));
  }

  private static void read(String cell, HttpResponse<byte[]> answer) throws Exception {
    var http = answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1";
    Cells.answered(cell, answer.statusCode(), answer.body(), http);
  }

  private static void events(String api) throws Exception {
    var lines = CLIENT.send(to(api + "/events").build(), BodyHandlers.ofLines()).body().iterator();
    while (lines.hasNext()) {
      var line = lines.next();
      if (!line.startsWith("data: ")) continue;
      CLIENT.send(to(api + "/ack").build(), BodyHandlers.discarding());
      Cells.event(line.substring("data: ".length()));
    }
  }
}
