package acme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class CasesIT {
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(1)).build();

    private HttpResponse<String> get(String path) throws Exception {
        String url = path.contains("://") ? path : System.getenv("CASE_API") + path;
        return client.send(HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(1)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private String body(String path) throws Exception {
        HttpResponse<String> response = get(path);
        assertEquals(200, response.statusCode(), () -> "GET " + path + " answered " + response.body());
        return response.body();
    }

    private String state(String path) throws Exception {
        return body(path).split("\"")[3];
    }

    private List<String> list(String path) throws Exception {
        return List.of(body(path).replaceAll("[\\[\\]\"\\s]", "").split(","));
    }

    @Test void value() throws Exception { assertEquals("ACCEPTED", state("/value")); }
    @Test void lag() throws Exception { assertEquals("ACCEPTED", state("/lag")); }
    @Test void more() throws Exception { assertEquals(List.of("a", "b"), list("/more")); }
    @Test void fewer() throws Exception { assertEquals(List.of("a", "b"), list("/fewer")); }
    @Test void server() throws Exception { state("/server"); }
    @Test void gateway() throws Exception { state("/gateway"); }
    @Test void conflict() throws Exception { state("/conflict"); }
    @Test void missing() throws Exception { assertEquals(200, get("/missing").statusCode()); }
    @Test void denied() throws Exception { assertEquals(200, get("/denied").statusCode()); }
    @Test void limited() throws Exception { state("/limited"); }
    @Test void reset() throws Exception { state("/reset"); }
    @Test void slow() throws Exception { state("/slow"); }
    @Test void crash() throws Exception { state("/crash"); }
    @Test void refused() throws Exception { get(System.getenv("UNUSED_PORT") + "/cases"); }
    @Test void name() throws Exception { get("http://case-api.internal:8080/cases"); }
    @Test void third() throws Exception { new java.net.Socket("api.rates-of-exchange.com", 443).close(); }
    @Test void unset() { assertNotNull(System.getenv("CASE_API_TOKEN"), "environment variable CASE_API_TOKEN is not set"); }

    @Test void nullOwner() throws Exception {
        Map<String, Map<String, String>> parsed = body("/null").contains("owner") ? Map.of("owner", Map.of()) : Map.of();
        assertEquals("ada", parsed.get("owner").get("name"));
    }

    @Test void port() throws Exception {
        String[] taken = System.getenv("TAKEN").split(":");
        new ServerSocket(Integer.parseInt(taken[1]), 1, java.net.InetAddress.getByName(taken[0])).close();
    }

    @Test void waits() throws Exception {
        for (int i = 0; i < 10; i++) {
            if (state("/lag").equals("ACCEPTED")) return;
            Thread.sleep(100);
        }
        throw new TimeoutException("the case was not accepted within 1 second");
    }
}
