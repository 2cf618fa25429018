package org.junit.platform.engine;

public class FilterResult {
    public static native FilterResult included(String reason);

    public static native FilterResult excluded(String reason);

    public native boolean excluded();
}
