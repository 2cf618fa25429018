package e2egate;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Starts the JVMs of a batch as Surefire and Failsafe started them while tests were listed, one
 * after the other, and takes the build's place at the other end of their pipes: Surefire's main class in them
 * writes frames to its standard output and waits, at its end, for a command at its standard input.
 *
 * <p>Runs in a JVM of its own, with the environment of the batch.
 */
public final class Forks {
    private static final byte[] MAGIC = ":maven-surefire-event:".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NOOP = ":maven-surefire-command:\4:noop:".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] BYE_ACK = ":maven-surefire-command:\7:bye-ack:".getBytes(StandardCharsets.US_ASCII);
    /** No text of a frame may be longer. */
    private static final int MOST = 256 << 20;
    private static final long PING = 10_000;

    private static final PrintStream OUT = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false);

    private final Process process;
    private boolean bye;
    private String error;

    private Forks(Process process) {
        this.process = process;
    }

    /** Each argument is a folder with the files argv, directory, set and unset. */
    public static void main(String[] folders) throws IOException, InterruptedException {
        boolean good = true;
        for (String folder : folders) {
            good &= start(Paths.get(folder)).run();
        }
        OUT.flush();
        System.exit(good ? 0 : 1);
    }

    private static Forks start(Path folder) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(strings(folder.resolve("argv")));
        builder.directory(new File(strings(folder.resolve("directory")).get(0)));
        for (String name : strings(folder.resolve("unset"))) {
            builder.environment().remove(name);
        }
        for (String set : strings(folder.resolve("set"))) {
            builder.environment().put(set.substring(0, set.indexOf('=', 1)), set.substring(set.indexOf('=', 1) + 1));
        }
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        return new Forks(builder.start());
    }

    private static List<String> strings(Path file) throws IOException {
        String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        List<String> found = new ArrayList<>(Arrays.asList(text.split("\0", -1)));
        found.remove(found.size() - 1);
        return found;
    }

    /** Whether the JVM came to its end as Surefire wants it: it says so, ends with status 0, and told of no error. */
    private boolean run() throws IOException, InterruptedException {
        Thread pings = new Thread("pings") { // no lambda: this JVM is to start fast
            @Override
            public void run() {
                ping();
            }
        };
        pings.setDaemon(true);
        pings.start();
        read(new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16)));
        int status = process.waitFor();
        pings.interrupt();
        if (!bye) {
            say("ERROR", "The JVM of the tests ended without saying goodbye (status " + status + "): it crashed, or a test called System.exit");
        } else if (status != 0) {
            say("ERROR", "The JVM of the tests ended with status " + status);
        } else if (error != null) {
            say("ERROR", "There was an error in the JVM of the tests: " + error);
        }
        OUT.flush();
        return bye && status == 0 && error == null;
    }

    /** The build sends these too: Surefire's main class may be told to end itself without them. */
    private void ping() {
        try {
            while (true) {
                Thread.sleep(PING);
                send(NOOP);
            }
        } catch (InterruptedException e) {
            return;
        }
    }

    private synchronized void send(byte[] command) {
        try {
            OutputStream to = process.getOutputStream();
            to.write(command);
            to.flush();
        } catch (IOException e) {
            return; // it has ended
        }
    }

    /** Everything that is not a frame is what native code and other processes print. */
    private void read(DataInputStream from) throws IOException {
        int matched = 0;
        while (true) {
            if (matched == 0 && from.available() == 0) {
                OUT.flush(); // nothing more is there for now
            }
            int next = from.read();
            if (next < 0) {
                OUT.write(MAGIC, 0, matched);
                return;
            }
            if (next == MAGIC[matched]) {
                if (++matched == MAGIC.length) {
                    matched = 0;
                    frame(from);
                }
                continue;
            }
            OUT.write(MAGIC, 0, matched);
            matched = next == MAGIC[0] ? 1 : 0; // only its first byte is a colon within the start of it
            if (matched == 0) {
                OUT.write(next);
            }
        }
    }

    /** One that was cut, or torn by something else that printed, is left where it cannot be right. */
    private void frame(DataInputStream from) throws IOException {
        try {
            String code = new String(counted(from, from.readUnsignedByte()), StandardCharsets.US_ASCII);
            switch (code) {
                case "bye":
                    bye = true;
                    send(BYE_ACK);
                    break;
                case "stop-on-next-test":
                case "next-test":
                    error = "Surefire asked for a test, which only the build can give";
                    break;
                case "std-out-stream":
                case "std-err-stream":
                    identity(from);
                    OUT.write(strings(from, 1)[0]);
                    printer(from);
                    break;
                case "std-out-stream-new-line":
                case "std-err-stream-new-line":
                    identity(from);
                    OUT.write(strings(from, 1)[0]);
                    OUT.write('\n');
                    printer(from);
                    break;
                case "console-info-log":
                    say("INFO", text(strings(from, 1)[0]));
                    break;
                case "console-warning-log":
                    say("WARNING", text(strings(from, 1)[0]));
                    break;
                case "console-debug-log":
                    strings(from, 1);
                    break;
                case "console-error-log":
                case "jvm-exit-error":
                    error(code, strings(from, 3));
                    break;
                case "sys-prop":
                    identity(from);
                    strings(from, 2);
                    break;
                default: // a test or a class that begins or ends: our listener tells of it
                    identity(from);
                    strings(from, 6);
                    elapsed(from);
                    texts(from, 3);
            }
        } catch (EOFException e) {
            return; // the next read finds the end, or the next frame
        }
    }

    /** From Surefire 3.6.1 on another text says what printed a line. Its size begins with 0, and nothing else here does. */
    private static void printer(DataInputStream from) throws IOException {
        if (from.available() == 0) {
            OUT.flush(); // nothing more is there for now
        }
        from.mark(1);
        boolean isSize = from.read() == 0;
        from.reset();
        if (isSize) {
            texts(from, 1);
        }
    }

    /** A number of milliseconds, or none, which begins with 255 or 0. From Surefire 3.6 on another text is before it, whose size begins with 0. */
    private static void elapsed(DataInputStream from) throws IOException {
        int first = from.readUnsignedByte();
        int second = first == 0 ? from.readUnsignedByte() : 0;
        if (first == 0 && second != ':') {
            counted(from, second << 16 | from.readUnsignedShort());
            first = from.readUnsignedByte();
            second = 0;
        }
        if (first != 0) {
            from.readInt();
            from.readUnsignedByte();
        } else if (second == 0) {
            from.readUnsignedByte();
        }
    }

    /** As in the build, an error with a stack trace means that the JVM did not do its work. */
    private void error(String code, byte[][] texts) {
        String message = text(texts[0]);
        say("ERROR", message.isEmpty() ? code : message);
        if (error == null && (code.equals("jvm-exit-error") || !text(texts[2]).isEmpty())) {
            error = message.isEmpty() ? code : message;
        }
    }

    private static void say(String level, String text) {
        byte[] line = ("[" + level + "] " + text + "\n").getBytes(StandardCharsets.UTF_8);
        OUT.write(line, 0, line.length);
    }

    private static String text(byte[] bytes) {
        return bytes.length == 1 && bytes[0] == 0 ? "" : new String(bytes, StandardCharsets.UTF_8);
    }

    /** The kind of run and the number of the test, which our listener knows better. */
    private static void identity(DataInputStream from) throws IOException {
        counted(from, from.readUnsignedByte());
        if (from.readUnsignedByte() != 0) {
            from.readLong();
        }
        from.readUnsignedByte();
    }

    /** The name of the character set, which is always UTF-8, and texts. */
    private static byte[][] strings(DataInputStream from, int count) throws IOException {
        counted(from, from.readUnsignedByte());
        return texts(from, count);
    }

    private static byte[][] texts(DataInputStream from, int count) throws IOException {
        byte[][] found = new byte[count][];
        for (int i = 0; i < count; i++) {
            found[i] = counted(from, from.readInt());
        }
        return found;
    }

    /** Bytes between colons. */
    private static byte[] counted(DataInputStream from, int size) throws IOException {
        if (size < 0 || size > MOST) {
            throw new EOFException();
        }
        from.readUnsignedByte();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(Math.min(size, 1 << 16));
        byte[] part = new byte[Math.min(Math.max(size, 1), 1 << 16)];
        for (int left = size; left > 0;) {
            int n = from.read(part, 0, Math.min(left, part.length));
            if (n < 0) {
                throw new EOFException();
            }
            bytes.write(part, 0, n);
            left -= n;
        }
        from.readUnsignedByte();
        return bytes.toByteArray();
    }
}
