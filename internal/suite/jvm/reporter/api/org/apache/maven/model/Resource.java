package org.apache.maven.model;

public class Resource {
    public native String getDirectory();

    public native boolean isFiltering();
}
