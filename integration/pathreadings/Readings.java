import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Prints what paths are to URI and Path, each before and after decoding. A line of
 * hexadecimal digits is a path; the answer is a line of such readings.
 */
class Readings {
  interface Step {
    String read(String path) throws Exception;
  }

  static final List<Step> STEPS =
      List.of(
          p -> URLDecoder.decode(p.replace("+", "%2B"), StandardCharsets.UTF_8),
          p -> new URI(p).normalize().getRawPath(),
          p -> new URI(p).normalize().getPath(),
          p -> new URI(null, null, p, null).normalize().getPath(),
          p -> Path.of(p).normalize().toString());

  static String attempt(Step step, String path) {
    try {
      String read = step.read(path);
      return read == null ? path : read;
    } catch (Exception e) {
      return path;
    }
  }

  public static void main(String[] args) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      Set<String> last = Set.of(new String(HexFormat.of().parseHex(line), StandardCharsets.UTF_8));
      Set<String> all = new HashSet<>();
      for (int n = 0; n < 4; n++) {
        last =
            last.stream()
                .flatMap(p -> STEPS.stream().map(step -> attempt(step, p)))
                .filter(p -> !all.contains(p))
                .collect(Collectors.toSet());
        all.addAll(last);
      }
      System.out.println(
          all.stream()
              .map(p -> HexFormat.of().formatHex(p.getBytes(StandardCharsets.UTF_8)))
              .collect(Collectors.joining(" ")));
    }
  }
}
