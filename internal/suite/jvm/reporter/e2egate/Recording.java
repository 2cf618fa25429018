package e2egate;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;

/**
 * How Surefire or Failsafe started this JVM, so that the gate can start the same one again without
 * the build. It is written while tests are listed: the build deletes the files afterwards.
 */
final class Recording {
    /** What Surefire gives its JVM: -jar, the jar, then a folder, the name of dumps, and two files of properties in that folder. */
    private static final int ARGUMENTS = 6;

    private static boolean written;

    private Recording() {
    }

    /** Writes it once. Where that cannot be done it says why, and the gate starts the build instead. */
    static synchronized void write() {
        if (written || !Events.recorded()) {
            return;
        }
        written = true;
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", Events.SCOPE);
        try {
            describe(fields);
        } catch (IOException | RuntimeException | URISyntaxException e) {
            fields.put("message", "how a JVM of the tests was started cannot be read (" + e + ")");
        }
        Events.record(fields);
    }

    private static void describe(Map<String, Object> fields) throws IOException, URISyntaxException {
        List<String> argv = strings("/proc/self/cmdline");
        int at = argv.size() - ARGUMENTS;
        if (at < 1 || !argv.get(at).equals("-jar") || !new File(argv.get(at + 1)).getName().startsWith("surefirebooter")) {
            fields.put("message", "a JVM of the tests is not started with a manifest-only jar, as for tests on the module path");
            return;
        }
        List<String> tail = argv.subList(at + 1, argv.size());
        Path jar = Paths.get(tail.get(0));
        Path folder = Paths.get(tail.get(1));
        fields.put("java", argv.get(0));
        fields.put("arguments", new ArrayList<>(argv.subList(1, at)));
        fields.put("folder", folder.toString());
        fields.put("dump", tail.get(2));
        fields.put("directory", Files.readSymbolicLink(Paths.get("/proc/self/cwd")).toString());
        fields.put("environment", strings("/proc/self/environ"));
        fields.put("jar", contents(jar));
        fields.put("setup", contents(folder.resolve(tail.get(3))));
        fields.put("properties", contents(folder.resolve(tail.get(4))));
        fields.put("class_path", classPath(jar));
        fields.put("module", Events.directory().toString());
        fields.put("settings", Settings.all());
    }

    /** Strings that each end in a zero byte. Ones that are not UTF-8 are an error: they could not be given back. */
    private static List<String> strings(String file) throws IOException {
        byte[] bytes = Files.readAllBytes(Paths.get(file));
        List<String> found = new ArrayList<>();
        for (int start = 0, i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                found.add(text(Arrays.copyOfRange(bytes, start, i)));
                start = i + 1;
            }
        }
        return found;
    }

    private static String text(byte[] bytes) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    }

    private static String contents(Path file) throws IOException {
        return Base64.getEncoder().encodeToString(Files.readAllBytes(file));
    }

    /** The files and folders that the manifest names, which may be relative to the jar. */
    private static List<String> classPath(Path jar) throws IOException, URISyntaxException {
        List<String> found = new ArrayList<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (String entry : file.getManifest().getMainAttributes().getValue("Class-Path").split(" ")) {
                URI at = jar.toUri().resolve(new URI(entry));
                found.add(Paths.get(at).normalize().toString());
            }
        }
        return found;
    }
}
